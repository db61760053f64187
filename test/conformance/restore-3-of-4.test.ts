import { replayRestores } from "./replay-restores.ts";

replayRestores(2, 4);
