import { replayRestores } from "./replay-restores.ts";

replayRestores(3, 4);
