import Type from "typebox";
import { DnsConfig } from "../net/config.ts";
import { DnsAutomationConfig, PlansConfig, SharedDomainConfig, SpfConfig } from "../operator/config.ts";
import { DeliveryConfig } from "../relay/attempt/config.ts";
import { count } from "../runtime/config-field.ts";
import { LimitsConfig, ListenersConfig, TlsConfig } from "../relay/session/config.ts";
import { CaptureConfig, DurabilityConfig, RedisConfig, StoreConfig } from "../relay/store/config.ts";

const AdminConfig = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 253, default: "127.0.0.1", description: "Address to listen on." }),
    port: Type.Integer({ minimum: 0, maximum: 65535, default: 8025, description: "TCP port; 0 takes a free one." }),
  },
  { additionalProperties: false, default: {}, description: "Where /healthz, /readyz and /metrics are served." },
);

/** The fleet file: everything that the one who runs Posthouse decides, each part declared by the folder that honours it. */
export const fleetSchema = Type.Object(
  {
    hostname: Type.String({
      minLength: 1,
      maxLength: 253,
      pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
      default: "localhost",
      description: "Name of the relay: in its greeting and EHLO, and the host that credentials name.",
    }),
    workers: count(
      1,
      64,
      "Processes that take, sign and deliver mail on the same listeners and store; one for each core is the most that helps. They share out connections, bufferedBytes (of limits and of delivery), concurrency and connectionsPerHop.",
    ),
    listeners: ListenersConfig,
    tls: TlsConfig,
    limits: LimitsConfig,
    plans: PlansConfig,
    sharedDomain: Type.Optional(SharedDomainConfig),
    dns: DnsConfig,
    dnsAutomation: DnsAutomationConfig,
    spf: SpfConfig,
    delivery: DeliveryConfig,
    store: Type.Optional(StoreConfig),
    durability: DurabilityConfig,
    redis: RedisConfig,
    capture: CaptureConfig,
    admin: AdminConfig,
  },
  {
    additionalProperties: false,
    title: "Posthouse fleet file",
    description: "What the one who runs Posthouse decides.",
  },
);

/** A fleet file as read: every default filled in. */
export type Fleet = Type.Static<typeof fleetSchema>;
