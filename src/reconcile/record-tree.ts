import type { FolderEntry } from "../git/remote.ts";

/** Lists one folder of a branch, as of one commit. */
export type ListFolder = (path: string) => Promise<readonly FolderEntry[]>;

/** The folders so many levels below a path, with their whole paths; no file is read for it. */
export async function foldersBelow(list: ListFolder, path: string, levels: number): Promise<readonly string[]> {
  let folders: readonly string[] = [path];
  for (let level = 0; level < levels; level++) {
    const below = await Promise.all(
      folders.map(async (folder) =>
        (await list(folder)).filter(({ type }) => type === "folder").map(({ name }) => `${folder}/${name}`),
      ),
    );
    folders = below.flat();
  }
  return folders;
}

/** Paths of the `index.json` of every month of backups. */
export async function monthShards(list: ListFolder): Promise<readonly string[]> {
  return (await foldersBelow(list, "backups", 4)).map((folder) => `${folder}/index.json`);
}
