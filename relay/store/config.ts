import Type from "typebox";
import { count, duration } from "../../runtime/config-field.ts";

/** The `capture` object of the fleet file: how long messages of Capture environments are kept. */
export const CaptureConfig = Type.Object(
  {
    retention: duration("168h", "How long a captured message is kept."),
    maxMessages: count(1000, 1_000_000, "How many captured messages each environment keeps; the oldest go first."),
  },
  { additionalProperties: false, default: {}, description: "Messages that Capture environments keep." },
);
export type CaptureConfig = Type.Static<typeof CaptureConfig>;
