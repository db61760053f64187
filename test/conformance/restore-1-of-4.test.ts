import { replayRestores } from "./replay-restores.ts";

replayRestores(0, 4);
