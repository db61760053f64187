/** Pictures of web pages by a real browser: Chromium without a window, spoken to by its DevTools protocol. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TestbedError } from "../errors.ts";
import { createGuardedFolder } from "../process/guarded-folder.ts";
import { startGuarded } from "../process/guarded-process.ts";
import { waitUntil } from "../process/wait-until.ts";

export interface ElementPicture {
  readonly url: string;
  /** CSS selector of what the picture is of. */
  readonly selector: string;
  /** Of the page, in CSS pixels. */
  readonly width: number;
  /** Opens what is folded first. */
  readonly openDetails?: boolean;
}

// In a container there is no user namespace for its sandbox; the page is our own.
const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"];

/** A PNG of one element of a page. @throws {ServerExited} without Chromium; @throws {RequestFailed} without the element */
export async function elementImage(picture: ElementPicture): Promise<Buffer> {
  const folder = await createGuardedFolder();
  const logFile = join(folder.path, "chromium.log");
  const profile = join(folder.path, "profile");
  const browser = await startGuarded({
    command: "chromium",
    args: [...FLAGS, `--user-data-dir=${profile}`, `--window-size=${picture.width},1200`, "about:blank"],
    env: { HOME: folder.path },
    logFile,
    folder,
  });
  try {
    const port = await waitUntil(
      async () => await readFile(join(profile, "DevToolsActivePort"), "utf8").catch(() => undefined),
      {
        what: "Chromium listens (Debian package chromium)",
      },
    );
    return await capture(Number(port.split("\n")[0]), picture);
  } finally {
    await browser.stop();
    await folder.remove();
  }
}

async function capture(port: number, { url, selector, openDetails }: ElementPicture): Promise<Buffer> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const page = targets.find(({ type }) => type === "page");
  const tab = await openTab(page?.webSocketDebuggerUrl ?? "");
  try {
    await tab.send("Page.enable");
    // Gitea's module holds no built front end, and its pages put up a dialog over that, which would stop everything.
    await tab.send("Emulation.setScriptExecutionDisabled", { value: true });
    await tab.send("Page.navigate", { url });
    const unfold =
      openDetails === true ? "for (const each of document.querySelectorAll('details')) each.open = true;" : "";
    const find = `document.readyState === "complete" ? (() => { ${unfold}
      const element = document.querySelector(${JSON.stringify(selector)});
      if (element === null) return null;
      const { x, y, width, height } = element.getBoundingClientRect();
      return JSON.stringify({ x: x + scrollX, y: y + scrollY, width, height });
    })() : null`;
    const box = await waitUntil(
      async () => {
        const { result } = (await tab.send("Runtime.evaluate", { expression: find })) as {
          result: { value?: string | null };
        };
        return result.value ?? undefined;
      },
      { what: `${url} shows ${selector}` },
    );
    const clip = { ...(JSON.parse(box) as object), scale: 1 };
    const shot = (await tab.send("Page.captureScreenshot", { clip, captureBeyondViewport: true })) as { data: string };
    return Buffer.from(shot.data, "base64");
  } finally {
    tab.close();
  }
}

interface Tab {
  send(method: string, params?: object): Promise<unknown>;
  close(): void;
}

async function openTab(url: string): Promise<Tab> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
    waiting.get(answer.id ?? 0)?.(answer);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new TestbedError("RequestFailed", "Chromium does not answer")));
  });
  return {
    close: () => socket.close(),
    send: async (method, params = {}) => {
      const id = ++last;
      const answer = new Promise<{ result?: unknown; error?: { message: string } }>((resolve) =>
        waiting.set(id, resolve),
      );
      socket.send(JSON.stringify({ id, method, params }));
      const { result, error } = await answer;
      if (error !== undefined) throw new TestbedError("RequestFailed", `${method}: ${error.message}`);
      return result;
    },
  };
}
