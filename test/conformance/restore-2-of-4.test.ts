import { replayRestores } from "./replay-restores.ts";

replayRestores(1, 4);
