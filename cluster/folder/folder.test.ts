import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { testFolders } from "../../test/harness/folder.ts";
import { clusterSuite } from "../port.suite.ts";

clusterSuite("a folder", async () => {
  const folders = testFolders();
  return {
    cluster: await folders.open(),
    async userApplies(object) {
      writeFileSync(join(folders.manifests, `${object.metadata.name}.yaml`), stringify(object));
    },
    async userDeletes(key) {
      rmSync(join(folders.manifests, `${key.name}.yaml`));
    },
    close: () => folders.close(),
  };
});
