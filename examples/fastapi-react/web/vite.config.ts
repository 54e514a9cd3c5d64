import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the page at another port; what it asks for goes to `python server.py`.
const server = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  server: { host: "127.0.0.1", proxy: { "/api": server, "/files": server } },
});
