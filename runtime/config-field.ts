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
