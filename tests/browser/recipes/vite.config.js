// Builds each folder of the working directory that has an index.html.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";
import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vite";

const pages = readdirSync(".").map((folder) => `${folder}/index.html`).filter(existsSync);

export default defineConfig({
  base: "./",
  plugins: [react(), vue(), svelte()],
  build: { minify: false, modulePreload: false, rolldownOptions: { input: pages } },
  logLevel: "warn",
});
