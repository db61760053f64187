import { describe, expect, it } from "vitest";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { createLiveObjects } from "./live-objects.ts";

const key = { namespace: "shop", name: "daily" };

function backup(uid: string, resourceVersion: string, metadata: object = {}): KubeObject {
  return { apiVersion: API_VERSION, kind: "Backup", metadata: { ...key, uid, resourceVersion, ...metadata }, spec: {} };
}

describe("createLiveObjects", () => {
  it("is not told again of what was removed by an event that was on its way", () => {
    const live = createLiveObjects("holdfast");
    const told: (string | undefined)[] = [];
    live.put(backup("a", "1"));
    live.subscribe((_kind, _key, object) => told.push(object?.metadata.resourceVersion));

    live.remove(backup("a", "1")); // by our own delete, before the watch tells
    live.put(backup("a", "2"));
    live.remove(backup("a", "3"));
    live.replace("Backup", []);
    live.put(backup("a", "2"));

    expect(told).toEqual([undefined]);
    expect(live.list("Backup")).toEqual([]);
  });

  it("keeps one whose deletion waits for a finalizer", () => {
    const live = createLiveObjects("holdfast");
    live.put(backup("a", "1"));
    live.remove(backup("a", "1"));
    live.put(backup("a", "2", { deletionTimestamp: "2026-11-26T12:00:00Z" }));
    expect(live.get("Backup", key)?.metadata.resourceVersion).toBe("2");
  });

  it("keeps another one of that name that came before the end of the first was told", () => {
    const live = createLiveObjects("holdfast");
    live.put(backup("a", "1"));
    live.put(backup("b", "3"));
    live.remove(backup("a", "2"));
    expect(live.get("Backup", key)?.metadata.uid).toBe("b");
  });

  it("believes the lists, when they go on to have what was removed", () => {
    const live = createLiveObjects("holdfast");
    live.put(backup("a", "1"));
    live.remove(backup("a", "1"));
    for (let lists = 0; lists < 3; lists++) live.replace("Backup", [backup("a", "1")]);
    expect(live.get("Backup", key)?.metadata.uid).toBe("a");
  });
});
