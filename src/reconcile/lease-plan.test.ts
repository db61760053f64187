import { describe, expect, it } from "vitest";
import { judgeLease, type Lease, type LeaseVerdict } from "./lease-plan.ts";

const WALL_MS = Date.parse("2026-11-20T21:00:00Z");

function lease(spec: Lease["spec"], resourceVersion = "7"): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "holdfast", namespace: "holdfast", resourceVersion },
    ...(spec === undefined ? {} : { spec }),
  };
}

const held = { holderIdentity: "other", leaseDurationSeconds: 15, leaseTransitions: 4 };
const termOf = (verdict: LeaseVerdict): number => (verdict.type === "free" ? verdict.term : Number.NaN);
const at = (monotonicMs: number) => ({ wallMs: WALL_MS, monotonicMs });

describe("a lease", () => {
  it("that nobody has made begins with a term above all that an earlier lease can have had", () => {
    const made = judgeLease(undefined, undefined, at(0));
    const halfMinute = { wallMs: WALL_MS + 30_000, monotonicMs: 0 };
    const madeAgain = judgeLease(undefined, undefined, halfMinute);

    // Whole minutes since 1970 were what first terms were made of once.
    expect(termOf(made)).toBeGreaterThan(halfMinute.wallMs / 60_000);
    expect(termOf(made)).toBeLessThan(2 ** 31);
    // One taken every second since is not above it.
    expect(termOf(madeAgain)).toBe(termOf(made) + 30);
  });

  it("that is made by a clock which is years behind has a term all the same", () => {
    const made = judgeLease(undefined, undefined, { wallMs: Date.parse("1999-01-01T00:00:00Z"), monotonicMs: 0 });

    expect(termOf(made)).toBe(1);
  });

  it("that was released is taken at once, with the next term", () => {
    const released = lease({ holderIdentity: "", leaseTransitions: 4, leaseDurationSeconds: 1 });

    expect(judgeLease(released, undefined, at(0))).toEqual({ type: "free", term: 5 });
    expect(judgeLease(lease(undefined), undefined, at(0))).toEqual({ type: "free", term: 1 });
  });

  it("is held until it stood still for its whole duration, whatever its own times say", () => {
    const old = lease({ ...held, renewTime: "2001-01-01T00:00:00.000000Z" });

    const first = judgeLease(old, undefined, at(1000));
    const observed = first.type === "held" ? first.observed : undefined;

    expect(first).toEqual({ type: "held", holder: "other", observed: { resourceVersion: "7", sinceMs: 1000 } });
    expect(judgeLease(old, observed, at(15_999)).type).toBe("held");
    expect(judgeLease(old, observed, at(16_000))).toEqual({ type: "free", term: 5 });
  });

  it("that was renewed meanwhile is observed anew", () => {
    const observed = { resourceVersion: "7", sinceMs: 1000 };

    const renewed = judgeLease(lease(held, "8"), observed, at(60_000));

    expect(renewed).toEqual({ type: "held", holder: "other", observed: { resourceVersion: "8", sinceMs: 60_000 } });
  });
});
