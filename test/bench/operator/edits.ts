/** How long a change of a custom resource takes to its contract, as a relay sees it. */
import { tenantContractName } from "../../../contract/names.ts";
import type { ControlPlane } from "../../harness/control-plane.ts";
import { followContracts } from "./observer.ts";
import { creditsPatch, namespaceOf } from "./population.ts";

export interface EditTimes {
  readonly edits: number;
  /** Milliseconds from the moment at which the user sends the change. */
  readonly p50: number;
  readonly p99: number;
}

/** Changes the credits of so many tenants, one after another: the next when the one before is in its contract. */
export async function measureEdits(
  plane: ControlPlane,
  contractNamespace: string,
  { edits, tenants }: { readonly edits: number; readonly tenants: number },
): Promise<EditTimes> {
  const contracts = await followContracts(plane, contractNamespace);
  let awaited = { name: "", amount: "", seen: (): void => undefined };
  const unwatch = contracts.cluster.watch(["Secret"], (key) => {
    if (key.name !== awaited.name) return;
    const secret = contracts.cluster.get<"Secret">({ ...key, kind: "Secret" });
    if (secret?.data["contract"]?.includes(awaited.amount)) awaited.seen();
  });
  const times: number[] = [];
  try {
    for (let edit = 0; edit < edits; edit++) {
      const tenant = edit % tenants;
      const amount = 1001 + edit;
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = {
        name: tenantContractName(namespaceOf(tenant), "shop"),
        amount: `"amount":${amount},`,
        seen: resolve,
      };
      const start = performance.now();
      const { code, body } = await plane.ask(creditsPatch(tenant, amount));
      if (code !== 200) throw new Error(`the edit was refused: ${JSON.stringify(body)}`);
      const late = setTimeout(() => resolve(Promise.reject(new Error("an edit never came to its contract"))), 60_000);
      await promise.finally(() => clearTimeout(late));
      times.push(performance.now() - start);
    }
  } finally {
    unwatch();
    await contracts.close();
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { edits, p50: at(0.5), p99: at(0.99) };
}
