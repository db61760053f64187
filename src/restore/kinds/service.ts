/** Services: addresses and ports that the cluster assigned are assigned anew; those a person chose are kept. */

import { parseJson } from "../../api/json.ts";
import type { KubeObject } from "../../api/object.ts";
import { at, isRecord, recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** Clears cluster IPs unless `None`, and node ports that nobody set explicitly unless they are to be preserved. */
export const prepareService: KindHandler = (object, { options, archived }) => {
  const spec = recordAt(object, "spec");
  if (spec === undefined) return KEEP;
  if (spec.clusterIP !== "None") {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (options.preserveNodePorts || spec.type === "ExternalName") return KEEP;
  const explicit = explicitPorts(archived);
  if (explicit === undefined) {
    return {
      type: "fail",
      reason: "PreparationFailed",
      message: `its annotation ${LAST_APPLIED} is not JSON, so its node ports cannot be told from assigned ones: mend the annotation by a modifier, or preserve node ports`,
    };
  }
  for (const port of recordsAt(spec, "ports")) if (!explicit.hasNodePort(port)) delete port.nodePort;
  if (!explicit.healthCheck) delete spec.healthCheckNodePort;
  return KEEP;
};

interface ExplicitPorts {
  hasNodePort(port: Record<string, unknown>): boolean;
  readonly healthCheck: boolean;
}

/** Who chose the ports: the last-applied configuration where there is one, else the managed fields. */
function explicitPorts(archived: KubeObject): ExplicitPorts | undefined {
  const lastApplied = archived.metadata.annotations?.[LAST_APPLIED];
  if (lastApplied === undefined || lastApplied === "") return portsOfManagers(archived);
  try {
    return portsOfLastApplied(parseJson(lastApplied));
  } catch {
    return undefined;
  }
}

function portsOfLastApplied(applied: unknown): ExplicitPorts {
  const chosen = recordsAt(applied, "spec", "ports").filter((port) => Number(port.nodePort ?? 0) > 0);
  return {
    hasNodePort: (port) =>
      chosen.some((other) => (textAt(port, "name") === "" ? other.port === port.port : other.name === port.name)),
    healthCheck: Number(at(applied, "spec", "healthCheckNodePort") ?? 0) > 0,
  };
}

function portsOfManagers(archived: KubeObject): ExplicitPorts {
  const specs = (archived.metadata.managedFields ?? [])
    .map((entry) => at(entry, "fieldsV1", "f:spec"))
    .filter(isRecord);
  return {
    hasNodePort: (port) => {
      const keys = [
        JSON.stringify({ port: port.port, protocol: port.protocol }),
        JSON.stringify({ name: port.name, port: port.port, protocol: port.protocol }),
      ];
      return specs.some((spec) => keys.some((key) => at(spec, "f:ports", `k:${key}`, "f:nodePort") !== undefined));
    },
    healthCheck: specs.some((spec) => Object.hasOwn(spec, "f:healthCheckNodePort")),
  };
}
