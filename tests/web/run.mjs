// node run.mjs digests              prints {"mlp Full": digest, ...}
// node run.mjs NAME <CASES.json     prints what that function of says.js makes of each case in a list
import { readFileSync } from "node:fs";
import * as tp from "../../dist/web/tinyprop/tinyprop.js";
import { digests } from "./digests.js";
import * as says from "./says.js";

const [name] = process.argv.slice(2);
const each = (say) => JSON.parse(readFileSync(0, "utf8")).map((one) => say(tp, one));
const result = name === "digests" ? await digests(tp) : each(says[name]);
process.stdout.write(JSON.stringify(result));
