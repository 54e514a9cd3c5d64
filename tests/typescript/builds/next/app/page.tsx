import { shopChannel } from "@/channels/shop";
import { use } from "@/use";

export default async function Page() {
  const found = await use();
  return (
    <main>
      <h1>{shopChannel({ region: "eu", orderId: 7 }).name}</h1>
      <pre>{JSON.stringify(found)}</pre>
    </main>
  );
}
