// Says the digests, as a worker of the page.
import { digests } from "./digests.js";
import * as tp from "./tinyprop/tinyprop.js";

postMessage(await digests(tp));
