import Type from "typebox";
import { count, duration } from "../../runtime/config-field.ts";
import { durationPattern } from "../../runtime/duration.ts";

const RetryConfig = Type.Object(
  {
    delays: Type.Array(Type.String({ pattern: durationPattern }), {
      minItems: 1,
      maxItems: 32,
      default: ["1m", "5m", "15m", "30m", "1h", "2h", "4h"],
      description: "How long to wait after the first attempt, the second, and so on; the last one goes on repeating.",
    }),
    jitter: Type.Number({
      minimum: 0,
      maximum: 0.5,
      default: 0.1,
      description: "Each delay is longer or shorter by up to this part of it, so that retries spread out.",
    }),
  },
  { additionalProperties: false, default: {}, description: "When a deferred message is tried again." },
);

/** The `delivery` object of the fleet file: how mail leaves. */
export const DeliveryConfig = Type.Object(
  {
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 25, description: "TCP port of MX hosts." }),
    allowNetworks: Type.Array(Type.String({ maxLength: 64, pattern: "^[0-9a-fA-F:.]+/[0-9]{1,3}$" }), {
      maxItems: 64,
      default: [],
      description:
        "CIDR blocks that may be connected to although they are not public, such as 10.0.0.0/8 for a smarthost inside.",
    }),
    caFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: "PEM file of certification authorities that smarthosts are trusted by, beside the built-in ones.",
      }),
    ),
    concurrency: count(200, 10_000, "Deliveries under way at once."),
    bufferedBytes: count(
      134_217_728,
      17_179_869_184,
      "Octets of all messages that are being sent, together; who finds no room waits. A larger message goes alone.",
    ),
    connectionsPerHop: count(5, 1000, "Connections to one server at once."),
    messagesPerConnection: count(50, 100_000, "Messages that are sent over one connection before it is closed."),
    idleTimeout: duration("10s", "How long a connection is kept open for the next message."),
    connectTimeout: duration(
      "30s",
      "How long a server may take to accept a connection, and again for TLS from the start.",
    ),
    greetingTimeout: duration("1m", "How long it may take from there until the session is set up, STARTTLS included."),
    commandTimeout: duration("5m", "How long sender and recipients may take, all replies together."),
    dataTimeout: duration("10m", "How long the content and the reply to it may take."),
    attemptTimeout: duration("20m", "How long one attempt may take over all its servers."),
    lease: duration(
      "1m",
      "How long a delivery is a relay's own unless it renews that. When a relay dies, another goes on with its mail after this time.",
    ),
    unreachableFor: duration("30s", "How long a server is passed over that could not be connected to."),
    maxAge: duration("72h", "How long a message is tried; then it expires."),
    retry: RetryConfig,
  },
  { additionalProperties: false, default: {}, description: "How mail leaves." },
);
export type DeliveryConfig = Type.Static<typeof DeliveryConfig>;
