/**
 * The arrows of the house, checked on the syntax tree of each file:
 *
 *     charts
 *     cli
 *     operator   relay          never each other
 *     cluster    contract       never each other
 *     crds   net -> runtime     crds and runtime import nothing of ours
 *
 * and the hidden inputs that a linter's list of names does not see: time, chance and environment are parameters.
 */
import { posix } from "node:path";
import { parseSync, Visitor, type Node } from "oxc-parser";

/** One broken rule: where, and what to do instead. */
export interface Breach {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const below = ["crds", "net", "runtime"];
const arrows: Readonly<Record<string, readonly string[]>> = {
  cli: ["operator", "relay", "cluster", "contract", ...below],
  operator: ["cluster", "contract", ...below],
  relay: ["cluster", "contract", ...below],
  cluster: below,
  contract: below,
  net: ["runtime"],
  crds: [],
  runtime: [],
  charts: ["cli", "crds"],
  test: ["charts", "cli", "operator", "relay", "cluster", "contract", ...below],
};

const timerModules = new Set(["timers", "timers/promises", "process"]);
const hiddenMembers: Readonly<Record<string, readonly string[]>> = {
  Date: ["now"],
  Math: ["random"],
  performance: ["now", "timeOrigin"],
};
const hiddenGlobals = new Set(["setTimeout", "setInterval", "setImmediate", "process"]);
/** smtp-server's connection class takes its reply codes from a subclass only. */
const inheritingFile = "relay/session/connection.ts";

/** True for files that only tests load: they may reach into `test/`, and hold their own clock. */
function isTest(file: string): boolean {
  return file.startsWith("test/") || /\.(test|suite)\.ts$/.test(file);
}

function folderOf(file: string): string {
  return file.split("/")[0] ?? "";
}

/** Why `file` may not import `target` (a path from the root), or undefined. */
function forbiddenArrow(file: string, target: string): string | undefined {
  const from = folderOf(file);
  const to = folderOf(target);
  if (isTest(target) && !isTest(file)) return `${file} must not import ${target}: only tests load tests`;
  if (from === to || (to === "test" && isTest(file))) return undefined;
  if (arrows[from]?.includes(to) === true) return undefined;
  return `${from}/ must not import ${to}/ (${target})`;
}

interface Context {
  readonly file: string;
  /** May this file read the time, chance and the environment itself? */
  readonly mayTouchProcess: boolean;
  report(node: { start: number }, message: string): void;
}

function checkSpecifier(context: Context, node: { start: number }, specifier: string): void {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(context.file), specifier);
    if (!specifier.endsWith(".ts") && !specifier.endsWith(".json"))
      context.report(node, `relative imports end in .ts: ${specifier}`);
    const why = forbiddenArrow(context.file, target);
    if (why !== undefined) context.report(node, why);
    return;
  }
  const bare = specifier.replace(/^node:/, "");
  if (!context.mayTouchProcess && timerModules.has(bare))
    context.report(node, `hidden input: ${specifier}; take a Clock from runtime/clock.ts`);
}

function textOf(node: Node | null | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

function memberName(node: Node): string | undefined {
  if (node.type !== "MemberExpression") return undefined;
  return node.computed ? textOf(node.property) : node.property.type === "Identifier" ? node.property.name : undefined;
}

function checkMember(context: Context, node: Node): void {
  if (node.type !== "MemberExpression" || node.object.type !== "Identifier") return;
  const owner = node.object.name;
  const name = memberName(node) ?? "";
  const isHidden =
    (Object.hasOwn(hiddenMembers, owner) && hiddenMembers[owner]?.includes(name) === true) ||
    (owner === "globalThis" && (hiddenGlobals.has(name) || name in hiddenMembers));
  if (isHidden) context.report(node, `hidden input: ${owner}.${name}; pass it in`);
}

function imports(context: Context): ConstructorParameters<typeof Visitor>[0] {
  return {
    ImportDeclaration: (node) => checkSpecifier(context, node, node.source.value),
    ExportAllDeclaration: (node) => {
      checkSpecifier(context, node, node.source.value);
      context.report(node, "no barrels: import from the file that declares it");
    },
    ExportNamedDeclaration: (node) => {
      if (node.source === null) return;
      checkSpecifier(context, node, node.source.value);
      context.report(node, "no barrels: import from the file that declares it");
    },
    TSImportType: (node) => checkSpecifier(context, node, node.source.value),
    ImportExpression: (node) => {
      const specifier = textOf(node.source);
      if (specifier === undefined) context.report(node, "a dynamic import names its file in a literal");
      else checkSpecifier(context, node, specifier);
    },
  };
}

function hiddenInputs(context: Context): ConstructorParameters<typeof Visitor>[0] {
  return {
    NewExpression: (node) => {
      if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0)
        context.report(node, "hidden input: new Date() without argument; pass the time in");
    },
    CallExpression: (node) => {
      if (node.callee.type !== "Identifier") return;
      if (node.callee.name === "Date") context.report(node, "hidden input: Date(); pass the time in");
      if (hiddenGlobals.has(node.callee.name))
        context.report(node, `hidden input: ${node.callee.name}(); take a Clock from runtime/clock.ts`);
    },
    MemberExpression: (node) => {
      checkMember(context, node);
      if (node.object.type === "Identifier" && node.object.name === "process")
        context.report(node, "hidden input: process; only cli/ and runtime/ touch it");
    },
    VariableDeclarator: (node) => {
      if (node.id.type === "ObjectPattern" && node.init?.type === "Identifier" && node.init.name in hiddenMembers)
        context.report(node, `hidden input: taken out of ${node.init.name}; pass it in`);
    },
  };
}

function inheritance(context: Context): ConstructorParameters<typeof Visitor>[0] {
  const check = (node: { start: number; superClass: Node | null }): void => {
    const parent = node.superClass;
    if (parent === null || context.file === inheritingFile) return;
    if (parent.type === "Identifier" && parent.name.endsWith("Error")) return;
    context.report(node, "no base classes: compose functions over records");
  };
  return { ClassDeclaration: check, ClassExpression: check };
}

/** Every breach of the house's rules in one file. `file` is its path from the root of the repository. */
export function breaches(file: string, source: string): readonly Breach[] {
  const found: Breach[] = [];
  const context: Context = {
    file,
    mayTouchProcess: isTest(file) || ["cli", "runtime"].includes(folderOf(file)),
    report: (node, message) => found.push({ file, line: source.slice(0, node.start).split("\n").length, message }),
  };
  const { program, errors } = parseSync(file, source);
  if (errors[0] !== undefined) throw new SyntaxError(`${file}: ${errors[0].message}`);
  new Visitor(imports(context)).visit(program);
  if (!context.mayTouchProcess) new Visitor(hiddenInputs(context)).visit(program);
  if (!isTest(file)) new Visitor(inheritance(context)).visit(program);
  return found;
}
