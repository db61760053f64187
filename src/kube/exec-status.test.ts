import { describe, expect, it } from "vitest";
import { type ExecStatus, endingOf } from "./exec-status.ts";

function failure(message: string, causes: { reason: string; message: string }[] = []): ExecStatus {
  return { status: "Failure", message, details: { causes } };
}

describe("endingOf", () => {
  it.each([
    ["success", { status: "Success" }, { type: "exited", exitCode: 0 }],
    // as a kubelet sends it; the simulated nodes of the testbed send no exit code
    [
      "an exit code",
      failure("command terminated with non-zero exit code: exit status 3", [{ reason: "ExitCode", message: "3" }]),
      { type: "exited", exitCode: 3 },
    ],
    [
      "a command that is not there",
      failure("executable file not found"),
      { type: "failed", message: "executable file not found" },
    ],
    ["a code that is none", failure("odd", [{ reason: "ExitCode", message: "x" }]), { type: "failed", message: "odd" }],
    ["silence", {}, { type: "failed", message: "the server gave no reason" }],
  ])("reads %s", (_name, status, ending) => {
    expect(endingOf(status)).toEqual(ending);
  });
});
