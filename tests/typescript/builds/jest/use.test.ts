import expected from "./expected.json";
import { use } from "./use";

test("channels and validators", async () => {
  expect(await use()).toEqual(expected);
});
