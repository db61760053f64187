/**
 * Real servers on one machine, for tests, the demo, the bench and work by hand: a Kubernetes control plane, simulated
 * nodes, S3, and Git over HTTP. This folder knows nothing of the product. What it starts cannot outlive the process
 * that started it.
 */
import { type ControlPlane, startControlPlane } from "./control-plane/control-plane.ts";
import { type GitServer, startGitServer } from "./git/git-server.ts";
import { type Nodes, startNodes } from "./nodes/nodes.ts";
import { type S3Server, startS3Server } from "./s3/s3-server.ts";

/** Which servers to start beside the control plane. */
export interface TestbedParts {
  readonly kwok?: boolean;
  readonly s3?: boolean;
  readonly git?: boolean;
}

/** What runs. */
export interface Testbed {
  readonly controlPlane: ControlPlane;
  readonly nodes: Nodes | undefined;
  readonly s3: S3Server | undefined;
  readonly git: GitServer | undefined;
  /** Stops everything and removes its data. */
  stop(): Promise<void>;
}

interface Stoppable {
  stop(): Promise<void>;
}

/** Starts a control plane and what else is asked for; all or nothing. */
export async function startTestbed(parts: TestbedParts = {}): Promise<Testbed> {
  const started: Stoppable[] = [];
  const keep = <T extends Stoppable>(server: T): T => {
    started.push(server);
    return server;
  };
  const stop = async () => {
    for (const server of started.splice(0).reverse()) await server.stop();
  };
  try {
    const controlPlane = keep(await startControlPlane());
    return {
      controlPlane,
      nodes: parts.kwok === true ? keep(await startNodes(controlPlane)) : undefined,
      s3: parts.s3 === true ? keep(await startS3Server()) : undefined,
      git: parts.git === true ? keep(await startGitServer()) : undefined,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
