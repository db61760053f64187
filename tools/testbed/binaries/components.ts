import { join } from "node:path";

/** What is built from one Go module: one binary, called by one or more names. */
export interface Component {
  readonly name: string;
  /** The folder of go.mod and go.sum. */
  readonly source: string;
  /** The module whose version in go.mod is the version of the component. */
  readonly module: string;
  /** The package to build, as `go build` takes it. */
  readonly package: string;
  /** Linker flags besides `-s -w`, given the version without its `v`. */
  readonly ldflags: (version: string) => readonly string[];
  /** Build tags; with any, cgo is on, for those who need tags need it too. Off otherwise. */
  readonly cgoTags?: readonly string[];
  /** Folders of the module that the binary reads when it runs: copied beside it. */
  readonly assets?: readonly string[];
  /** Names the binary answers to: each is a link beside it. */
  readonly commands: readonly string[];
  /** What to set to use a ready-made binary instead; ends the sentence of a missing Go toolchain. */
  readonly remedy: string;
}

const GO = join(import.meta.dirname, "..", "go");

/** Without these Kubernetes reports v0.0.0-master, which clients and `kubectl version` take for a broken server. */
function kubernetesVersion(version: string): readonly string[] {
  const [major, minor] = version.split(".");
  return [`gitVersion=v${version}`, `gitMajor=${major}`, `gitMinor=${minor}`, "gitTreeState=clean"].map(
    (value) => `-X k8s.io/component-base/version.${value}`,
  );
}

/** What `npm test` needs, the slowest build first. */
export const COMPONENTS: readonly Component[] = [
  {
    name: "controlplane",
    source: join(GO, "controlplane"),
    module: "k8s.io/kubernetes",
    package: ".",
    ldflags: kubernetesVersion,
    commands: ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"],
    remedy: "set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kubectl",
  },
  {
    name: "versitygw",
    source: join(GO, "versitygw"),
    module: "github.com/versity/versitygw",
    package: "github.com/versity/versitygw/cmd/versitygw",
    ldflags: (version) => [`-X main.Version=v${version}`],
    commands: ["versitygw"],
    remedy: "set HOLDFAST_TESTBED_VERSITYGW to a versitygw binary",
  },
  {
    name: "kwok",
    source: join(GO, "kwok"),
    module: "sigs.k8s.io/kwok",
    package: "sigs.k8s.io/kwok/cmd/kwok",
    ldflags: () => [],
    commands: ["kwok"],
    remedy: "set HOLDFAST_TESTBED_KWOK to a kwok binary",
  },
];

/** What only `npm run test:system` needs: built when a test asks for it. */
export const SYSTEM_COMPONENTS: readonly Component[] = [
  {
    name: "newer",
    source: join(GO, "newer"),
    module: "k8s.io/kubernetes",
    package: ".",
    ldflags: kubernetesVersion,
    commands: ["kube-apiserver-newer"],
    remedy: "set HOLDFAST_TESTBED_NEWER_APISERVER to a kube-apiserver of the next minor release",
  },
  {
    name: "gitea",
    source: join(GO, "gitea"),
    module: "code.gitea.io/gitea",
    package: "code.gitea.io/gitea",
    ldflags: (version) => [`-X main.Version=${version}`, "-X 'main.Tags=sqlite sqlite_unlock_notify'"],
    cgoTags: ["sqlite", "sqlite_unlock_notify"],
    assets: ["options", "public", "templates"],
    commands: ["gitea"],
    remedy: "set HOLDFAST_TESTBED_GITEA to a gitea binary that has its pages inside",
  },
  {
    name: "kubeconform",
    source: join(GO, "kubeconform"),
    module: "github.com/yannh/kubeconform",
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    ldflags: () => [],
    commands: ["kubeconform"],
    remedy: "set HOLDFAST_TESTBED_KUBECONFORM to a kubeconform binary",
  },
  {
    name: "argocd",
    source: join(GO, "argocd"),
    module: "github.com/argoproj/argo-cd/v3",
    package: ".",
    ldflags: (version) => [`-X github.com/argoproj/argo-cd/v3/common.version=${version}`],
    commands: ["argocd-application-controller", "argocd-applicationset-controller", "argocd-repo-server"],
    remedy:
      "set HOLDFAST_TESTBED_ARGOCD_CONTROLLER, _ARGOCD_APPLICATIONSETS and _ARGOCD_REPO_SERVER to links to argocd",
  },
];

/** The component that provides a command. */
export function componentOf(
  command: string,
  components: readonly Component[] = [...COMPONENTS, ...SYSTEM_COMPONENTS],
): Component {
  const component = components.find((candidate) => candidate.commands.includes(command));
  if (component === undefined) throw new Error(`no component provides ${command}`);
  return component;
}
