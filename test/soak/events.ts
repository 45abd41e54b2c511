import type { Told } from "./evidence.ts";

const types: ReadonlySet<unknown> = new Set<Told["type"]>(["delivered", "bounced", "expired"]);

/** The events about recipients among the lines that a relay wrote; the last line may be broken off by a kill. */
export function readTold(relay: string, output: string): readonly Told[] {
  return output.split("\n").flatMap((line) => {
    if (!line.startsWith('{"type":"')) return [];
    const event = parse(line);
    if (event === undefined || !types.has(event.type)) return [];
    const { type, messageId, recipient, time } = event;
    return [
      {
        type: type as Told["type"],
        token: messageId ?? "",
        recipient: recipient ?? "",
        relay,
        at: Date.parse(time ?? ""),
      },
    ];
  });
}

interface Line {
  readonly type?: string;
  readonly messageId?: string;
  readonly recipient?: string;
  readonly time?: string;
}

function parse(line: string): Line | undefined {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
