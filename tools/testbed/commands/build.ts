import { COMPONENTS } from "../binaries/components.ts";
import { findBinary } from "../binaries/find-binary.ts";

/** Builds every server that is neither named by the environment nor in the cache; says where each is. */
export async function build(): Promise<string> {
  const lines: string[] = [];
  for (const command of COMPONENTS.flatMap((component) => component.commands)) {
    lines.push(`${command.padEnd(23)} ${await findBinary(command)}`);
  }
  return lines.join("\n");
}
