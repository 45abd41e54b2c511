/** What a Dockerfile says, as far as tests look: its build arguments, its stages, and what is wrong with those. */

export interface Instruction {
  readonly word: string;
  /** With continued lines joined. */
  readonly rest: string;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** Declared before the first stage, with their defaults. */
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

export function readDockerfile(text: string): Dockerfile {
  const [head = [], ...stages] = byStage(instructionsOf(text));
  return {
    args: new Map(head.filter(({ word }) => word === "ARG").map(({ rest }) => pairOf(rest))),
    stages: stages.map(([from, ...instructions]) => {
      const [, base = "", name] = /^(\S+)(?: AS (\S+))?$/.exec(from?.rest ?? "") ?? [];
      return { base, name, instructions };
    }),
  };
}

function instructionsOf(text: string): readonly Instruction[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [word = "", ...rest] = line.split(" ");
      return { word, rest: rest.join(" ") };
    });
}

/** What stands before the first FROM, then each stage with its FROM. */
function byStage(instructions: readonly Instruction[]): readonly (readonly Instruction[])[] {
  const parts: Instruction[][] = [[]];
  for (const each of instructions) {
    if (each.word === "FROM") parts.push([]);
    parts.at(-1)?.push(each);
  }
  return parts;
}

function pairOf(text: string): readonly [string, string] {
  const [name = "", ...value] = text.split("=");
  return [name, value.join("=")];
}

/** The last instruction of this word in a stage. */
export function lastOf({ instructions }: Stage, word: string): string | undefined {
  return instructions.findLast((each) => each.word === word)?.rest;
}

interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
}

export function copiesOf({ instructions }: Stage): readonly Copy[] {
  return instructions
    .filter(({ word }) => word === "COPY")
    .map(({ rest }) => {
      const words = rest.split(" ");
      const from = words.find((each) => each.startsWith("--from="))?.slice("--from=".length);
      return {
        from,
        sources: words.filter((each) => !each.startsWith("--")).slice(0, -1),
      };
    });
}

/**
 * What is wrong: a base that the digest given does not pin, packages that are not made in a stage of their own, root, and files
 * that are not there. `isSent` tells of a path whether a build gets it.
 */
export function faultsOf(text: string, isSent: (path: string) => boolean): readonly string[] {
  const { args, stages } = readDockerfile(text);
  return [
    ...["NODE_IMAGE", "NODE_DIGEST"].filter((name) => !args.has(name)).map((name) => `no build argument ${name}`),
    ...stages.filter(({ base }) => base !== pinned).map(({ base }) => `a base without the digest: ${base}`),
    ...(stages.length < 2 ? ["one stage"] : []),
    ...stages.flatMap((stage, index) => copyFaults(stage, stages.slice(0, index), isSent)),
    ...stages
      .slice(0, -1)
      .filter((stage) => !stages.some((other) => takesFrom(other, stage)))
      .map(({ name }) => `a stage for nothing: ${name}`),
    ...lastFaults(stages.at(-1)),
  ];
}

const pinned = "${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}}";

const takesFrom = (stage: Stage, { name }: Stage): boolean =>
  copiesOf(stage).some(({ from }) => from !== undefined && from === name);

function copyFaults(stage: Stage, before: readonly Stage[], isSent: (path: string) => boolean): readonly string[] {
  return copiesOf(stage).flatMap(({ from, sources }) => {
    if (from === undefined)
      return sources.filter((path) => !isSent(path)).map((path) => `not there to be copied: ${path}`);
    const source = before.find(({ name }) => name === from);
    if (source === undefined) return [`copied from no stage before it: ${from}`];
    const folder = `${lastOf(source, "WORKDIR")}/`;
    return sources.filter((path) => !path.startsWith(folder)).map((path) => `not made in ${from}: ${path}`);
  });
}

function lastFaults(stage: Stage | undefined): readonly string[] {
  if (stage === undefined) return ["no stage"];
  const user = lastOf(stage, "USER") ?? "root";
  return [
    ...(/^[1-9]\d*:[1-9]\d*$/.test(user) ? [] : [`a user who may be root: ${user}`]),
    ...stage.instructions
      .filter(({ word, rest }) => word === "RUN" && /\bnpm\b/.test(rest))
      .map(() => "packages installed in the last stage"),
  ];
}
