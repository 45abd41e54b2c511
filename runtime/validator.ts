import { Ajv, type AnySchema, type ValidateFunction } from "ajv";

/** For Ajv: half the time to compile a schema goes into tidying code that V8 makes as quick untidied. */
export const untidied = { code: { optimize: false } } as const;

/** The check against a schema of ours, compiled when it is first asked for: that takes time that a short command has no use for. */
export function validatorOf<T>(schema: AnySchema): () => ValidateFunction<T> {
  let compiled: ValidateFunction<T> | undefined;
  return () => (compiled ??= new Ajv({ allErrors: true, strict: true, ...untidied }).compile<T>(schema));
}
