import type { Component } from "../../../tools/testbed/binaries/components.ts";

/** A component that builds in a second: the Go module in `source`. */
export function fakeComponent(source: string): Component {
  return {
    name: "fake",
    source,
    module: "example.com/fake",
    package: ".",
    ldflags: (version) => [`-X main.version=${version}`],
    commands: ["fake", "fake-alias"],
    remedy: "set FAKE to a fake binary",
  };
}
