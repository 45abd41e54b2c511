import Type from "typebox";
import { durationPattern } from "../../runtime/duration.ts";

/** The `capture` object of the fleet file: how long messages of Capture environments are kept. */
export const CaptureConfig = Type.Object(
  {
    retention: Type.String({
      pattern: durationPattern,
      default: "168h",
      description: "How long a captured message is kept.",
    }),
    maxMessages: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: "How many captured messages each environment keeps; the oldest go first.",
    }),
  },
  { additionalProperties: false, default: {}, description: "Messages that Capture environments keep." },
);
export type CaptureConfig = Type.Static<typeof CaptureConfig>;
