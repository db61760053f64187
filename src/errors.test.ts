import { describe, expect, it } from "vitest";
import { CodedError, redact, remedyFor } from "./errors.ts";

describe("redact", () => {
  it.each([
    { what: "credentials", text: "https://user:secret@git.example/a.git", left: "https://git.example/a.git" },
    { what: "a token as user", text: "https://ghp_x@git.example/a.git", left: "https://git.example/a.git" },
    { what: "an @ in the password", text: "https://user:p@ss@git.example/a", left: "https://git.example/a" },
    { what: "a / in the password", text: "https://user:a/b@git.example/a", left: "https://git.example/a" },
    {
      what: "a password that starts like a port",
      text: "https://user:12/b@git.example/a",
      left: "https://git.example/a",
    },
    { what: "a ? in the password", text: "https://user:a?b@git.example/a", left: "https://git.example/a" },
    {
      what: "a query string",
      text: "GET https://s3.example/b?X-Amz-Signature=abc failed",
      left: "GET https://s3.example/b failed",
    },
    {
      what: "two URLs",
      text: "from https://a:b@x.example/1 to https://c:d@y.example/2",
      left: "from https://x.example/1 to https://y.example/2",
    },
  ])("takes out $what", ({ text, left }) => {
    expect(redact(text)).toBe(left);
  });

  it.each([
    "https://git.example:8443/team/repo.git",
    "http://127.0.0.1:9000/bucket/key@v1",
    "http://localhost:3000/a@b",
    "http://[::1]:3000/a@b",
    "file:///srv/backups/a@b",
    "s3://bucket/prefix",
    "no URL at all: user@example.com",
  ])("leaves %s as it is", (text) => {
    expect(redact(text)).toBe(text);
  });
});

describe("what to do about", () => {
  it.each([
    [
      "a kind of ours that is not served",
      new CodedError("KubeNotFound", { ref: "backups.holdfast.dev in a" }, ""),
      /apply -k/,
    ],
    ["a kind of others", new CodedError("KubeNotFound", { ref: "configmaps a/b" }, ""), undefined],
    [
      "a wrong command line",
      new CodedError("Usage", { argument: "", help: "holdfast plan --help" }, ""),
      /plan --help/,
    ],
  ])("%s", (_, error, remedy) => {
    if (remedy === undefined) expect(remedyFor(error)).toBeUndefined();
    else expect(remedyFor(error)).toMatch(remedy);
  });
});
