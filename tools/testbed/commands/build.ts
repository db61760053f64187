import { COMPONENTS, SYSTEM_COMPONENTS } from "../binaries/components.ts";
import { findBinary } from "../binaries/find-binary.ts";

/** Builds every server that is neither named by the environment nor in the cache; says where each is. */
export async function build(options: { readonly system: boolean }): Promise<string> {
  const components = options.system ? [...COMPONENTS, ...SYSTEM_COMPONENTS] : COMPONENTS;
  const lines: string[] = [];
  for (const command of components.flatMap((component) => component.commands)) {
    lines.push(`${command.padEnd(29)} ${await findBinary(command)}`);
  }
  return lines.join("\n");
}
