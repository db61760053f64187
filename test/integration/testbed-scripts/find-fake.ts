// Finds the binary of a fake component whose Go module is in the folder argv[2], and prints its path.
import { findBinary } from "../../../tools/testbed/binaries/find-binary.ts";
import { TestbedError } from "../../../tools/testbed/errors.ts";
import { fakeComponent } from "./fake-component.ts";

try {
  const components = [fakeComponent(process.argv[2] ?? "")];
  process.stdout.write(`${await findBinary("fake-alias", { components })}\n`);
} catch (error) {
  if (!(error instanceof TestbedError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
