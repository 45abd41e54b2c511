import Type from "typebox";
import { label, oneOf, rules } from "./dialect.ts";

/** A host name in lower-case A-labels, of two labels or more. */
export const hostName = {
  minLength: 3,
  maxLength: 253,
  pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
};

/** An upstream relay of a RelayTenant. */
export const Smarthost = Type.Object(
  {
    name: Type.String({ ...label, description: "Name of the smarthost." }),
    priority: Type.Integer({ minimum: 0, maximum: 65535, default: 10, description: "Lower is tried first." }),
    host: Type.String({ ...hostName, description: "Host name." }),
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 587, description: "TCP port." }),
    security: oneOf(["None", "StartTLS", "ImplicitTLS"], {
      default: "StartTLS",
      description: "How the connection is secured: with StartTLS and ImplicitTLS it is encrypted, or nothing is sent.",
    }),
    secretRef: Type.Optional(
      Type.Object(
        {
          name: Type.String({
            minLength: 1,
            maxLength: 253,
            pattern: "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
            description: "Name of the Secret, in the same namespace.",
          }),
        },
        {
          description:
            "Secret with the keys username and password, labelled posthouse.dev/use: smarthost. The certificate is then verified whatever tlsPolicy says, and nothing is sent while the Secret is missing.",
        },
      ),
    ),
  },
  {
    description: "An upstream relay that takes the tenant's mail.",
    ...rules(
      {
        rule: "!has(self.secretRef) || self.security != 'None'",
        message: "credentials go only over TLS: a smarthost with secretRef needs security StartTLS or ImplicitTLS",
      },
      {
        rule: "!has(self.secretRef) || self.port == 25 || self.port == 465 || self.port == 587 || self.port == 2465 || self.port == 2525 || self.port == 2587",
        message: "credentials go only to ports of mail: with secretRef the port is 25, 465, 587, 2465, 2525 or 2587",
      },
    ),
  },
);
