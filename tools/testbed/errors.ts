/** What can go wrong with the testbed; each row is a sentence that names its remedy. */
export type TestbedErrorCode =
  | "GoMissing"
  | "GoTooOld"
  | "GitMissing"
  | "BinaryMissing"
  | "BuildFailed"
  | "PortTaken"
  | "ServerExited"
  | "NotReady"
  | "RequestFailed"
  | "Usage";

/** A failure of the testbed itself, never of the product. The message is complete: a caller only prints it. */
export class TestbedError extends Error {
  override readonly name = "TestbedError";
  readonly code: TestbedErrorCode;

  constructor(code: TestbedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether `error` is a testbed failure of the given code. */
export function isTestbedError(error: unknown, code: TestbedErrorCode): error is TestbedError {
  return error instanceof TestbedError && error.code === code;
}
