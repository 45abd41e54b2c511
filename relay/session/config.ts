import Type from "typebox";
import { oneOf } from "../../crds/dialect.ts";
import type { Rate } from "../../contract/rates.ts";
import { count, duration, rate } from "../../runtime/config-field.ts";
import { parseDuration } from "../../runtime/duration.ts";

const Listener = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
      description: "Name of the listener, for messages and metrics.",
    }),
    host: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: "Address to listen on; every address when absent." }),
    ),
    port: Type.Integer({ minimum: 0, maximum: 65535, description: "TCP port; 0 takes a free one." }),
    tls: oneOf(["StartTLS", "Implicit"], {
      default: "StartTLS",
      description:
        "StartTLS: plain until STARTTLS, without which nothing is accepted. Implicit: TLS from the first byte.",
    }),
  },
  { additionalProperties: false, description: "A port that takes submissions." },
);
export type ListenerConfig = Type.Static<typeof Listener>;

/** The `listeners` list of the fleet file. */
export const ListenersConfig = Type.Array(Listener, {
  minItems: 1,
  maxItems: 16,
  default: [
    { name: "smtp", port: 25 },
    { name: "submission", port: 587 },
    { name: "submissions", port: 465, tls: "Implicit" },
    { name: "alternate", port: 2525 },
  ],
  description: "Where mail is submitted.",
});
export type ListenersConfig = Type.Static<typeof ListenersConfig>;

/** The `tls` object of the fleet file. */
export const TlsConfig = Type.Object(
  {
    certificateFile: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: "PEM file of the certificate and its chain." }),
    ),
    keyFile: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: "PEM file of its private key." })),
  },
  {
    additionalProperties: false,
    default: {},
    dependentRequired: { certificateFile: ["keyFile"], keyFile: ["certificateFile"] },
    description:
      "Certificate of the listeners; a self-signed one is made and kept when absent, good for trying out only.",
  },
);
export type TlsConfig = Type.Static<typeof TlsConfig>;

/** The `limits` object of the fleet file. */
export const LimitsConfig = Type.Object(
  {
    messageBytes: count(31_457_280, 268_435_456, "Octets of a message, as EHLO tells in SIZE."),
    recipients: count(1000, 1000, "Recipients of a message."),
    bufferedBytes: count(268_435_456, 17_179_869_184, "Octets of all messages that are arriving, together."),
    connections: count(2000, 100_000, "Connections to a listener at the same time."),
    connectionsPerAddress: count(500, 100_000, "Connections from one address to a listener at the same time."),
    messagesPerConnection: count(5000, 1_000_000, "Messages before a client must connect again."),
    failedAuthentications: count(3, 100, "Failed AUTH commands before a connection is closed."),
    failedAuthenticationDelay: duration("1s", "How long the reply to a failed AUTH is held back."),
    idleCommands: count(100, 100_000, "Commands without a message before a connection is closed."),
    ratePerAddress: Type.Optional(
      rate(
        "Recipients from one client address, all tenants together; an IPv6 network of 64 bits counts as one address. No limit when absent.",
      ),
    ),
    rateRefusals: count(50, 100_000, "Refusals by rate without a message in between before a connection is closed."),
    rateRefusalDelay: duration(
      "1s",
      "How long the reply to a refusal by rate is held back, from the second on without a message in between.",
    ),
    spoolPerTenant: count(
      4_294_967_296,
      1_099_511_627_776,
      "Octets of content that a tenant may have in the spool; more is refused until some of it is delivered.",
    ),
    greetingDelay: duration(
      "10ms",
      "Who speaks before it has passed is refused; honest clients wait for the greeting.",
    ),
    authenticationTimeout: duration("30s", "From connecting to a successful AUTH, the TLS handshake included."),
    idleTimeout: duration("5m", "Silence before a connection is closed (RFC 5321 section 4.5.3.2.7)."),
    messageTimeout: duration("10m", "From MAIL to the end of DATA."),
    sessionTimeout: duration("1h", "Age at which a connection is closed, between two messages."),
    drainDelay: duration(
      "0s",
      "How long a relay that is told to stop takes new connections still, though it is not ready any more: until load balancers have noticed. At most as long as stopTimeout.",
    ),
    stopTimeout: duration("25s", "How long running messages may take to end when the relay stops."),
  },
  { additionalProperties: false, default: {}, description: "What clients may use." },
);
export type LimitsConfig = Type.Static<typeof LimitsConfig>;

/** {@link LimitsConfig} with durations in milliseconds. */
export interface Limits {
  readonly messageBytes: number;
  readonly recipients: number;
  readonly bufferedBytes: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly messagesPerConnection: number;
  readonly failedAuthentications: number;
  readonly failedAuthenticationDelay: number;
  readonly idleCommands: number;
  readonly ratePerAddress?: Rate;
  readonly rateRefusals: number;
  readonly rateRefusalDelay: number;
  readonly spoolPerTenant: number;
  readonly greetingDelay: number;
  readonly authenticationTimeout: number;
  readonly idleTimeout: number;
  readonly messageTimeout: number;
  readonly sessionTimeout: number;
  readonly stopTimeout: number;
}

/** The limits of a validated and defaulted configuration. */
export function readLimits(config: LimitsConfig): Limits {
  return {
    ...config,
    failedAuthenticationDelay: parseDuration(config.failedAuthenticationDelay),
    rateRefusalDelay: parseDuration(config.rateRefusalDelay),
    greetingDelay: parseDuration(config.greetingDelay),
    authenticationTimeout: parseDuration(config.authenticationTimeout),
    idleTimeout: parseDuration(config.idleTimeout),
    messageTimeout: parseDuration(config.messageTimeout),
    sessionTimeout: parseDuration(config.sessionTimeout),
    stopTimeout: parseDuration(config.stopTimeout),
  };
}
