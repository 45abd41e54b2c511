import Type from "typebox";
import { oneOf } from "../../crds/dialect.ts";
import { count, duration } from "../../runtime/config-field.ts";

/** The `store` of the fleet file. */
export const StoreConfig = Type.String({
  minLength: 1,
  maxLength: 1024,
  description:
    "Where mail and credits are kept: file:PATH for the embedded store of one machine, redis://[USER@]HOST[:PORT][/DATABASE] or " +
    "rediss:// (TLS) for Redis 7.0 or Valkey 7.2 and later, redis+sentinel://[USER@]HOST[:PORT],.../NAME[/DATABASE] or rediss+sentinel:// " +
    "for one behind Sentinels. When absent the folder `store` of the state folder. A password never stands here; see redis.passwordFile.",
});

/** The `durability` of the fleet file. */
export const DurabilityConfig = oneOf(["Verified", "Declared", "None"], {
  default: "Verified",
  description:
    "Who vouches that a Redis has on disk what it confirmed. Verified: its settings are read at the start and every half minute, and mail is accepted only while they " +
    "are right. Declared: you do, where CONFIG is forbidden. None: nobody, for trying out. The embedded store always has it on disk.",
});
export type Durability = Type.Static<typeof DurabilityConfig>;

/** The `redis` object of the fleet file: what does not fit into the address. */
export const RedisConfig = Type.Object(
  {
    passwordFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          "File that holds the password, read at each connection, so that it may be changed. Without it the environment variable POSTHOUSE_REDIS_PASSWORD counts, if it is set.",
      }),
    ),
    sentinelPasswordFile: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: "The same for the Sentinels; none when absent." }),
    ),
    caFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: "PEM file of the authorities that rediss:// servers are verified by; Node's own when absent.",
      }),
    ),
    replicas: Type.Integer({
      minimum: 0,
      maximum: 8,
      default: 0,
      description:
        "How many replicas must have a message before it is confirmed to the client: on disk with Redis or Valkey 7.2 and later, in memory with Redis 7.0.",
    }),
    replicaTimeout: duration(
      "1s",
      "How long they are waited for before the message is withdrawn and the client told to come again.",
    ),
    keyPrefix: Type.String({
      pattern: "^[A-Za-z0-9_.-]{1,64}$",
      default: "posthouse",
      description: "What the names of all keys begin with, so that several fleets may share a Redis.",
    }),
  },
  { additionalProperties: false, default: {}, description: "The Redis that `store` names." },
);
export type RedisConfig = Type.Static<typeof RedisConfig>;

/** The `capture` object of the fleet file: how long messages of Capture environments are kept. */
export const CaptureConfig = Type.Object(
  {
    retention: duration("168h", "How long a captured message is kept."),
    maxMessages: count(1000, 1_000_000, "How many captured messages each environment keeps; the oldest go first."),
    maxOctets: count(
      67_108_864,
      1_099_511_627_776,
      "Octets of the captured messages that each environment keeps; the oldest go first, at once. One message is kept whatever its size.",
    ),
  },
  { additionalProperties: false, default: {}, description: "Messages that Capture environments keep." },
);
export type CaptureConfig = Type.Static<typeof CaptureConfig>;
