import { use } from "./use";

void use().then((found) => {
  console.log(JSON.stringify(found));
});
