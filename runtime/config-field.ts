import Type from "typebox";
import { durationPattern } from "./duration.ts";

/** A duration in the fleet file, such as `15m`, with its default. */
export function duration(value: string, description: string): Type.TString {
  return Type.String({ pattern: durationPattern, default: value, description });
}

/** A number of things in the fleet file, from 1, with its default. */
export function count(value: number, maximum: number, description: string): Type.TInteger {
  return Type.Integer({ minimum: 1, maximum, default: value, description });
}

/** A rate in the fleet file, counted in recipients: a second, a day, or both. */
export function rate(description: string) {
  return Type.Object(
    {
      perSecond: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100_000, description: "Recipients a second, and so many at once." }),
      ),
      perDay: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: "Recipients from 00:00 UTC to 24:00 UTC." }),
      ),
    },
    { additionalProperties: false, minProperties: 1, description },
  );
}
