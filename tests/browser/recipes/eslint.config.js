// What the code of the documentation is linted with: the recommended rules of each.
import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import svelte from "eslint-plugin-svelte";
import vue from "eslint-plugin-vue";
import tseslint from "typescript-eslint";

const parser = tseslint.parser;

export default tseslint.config(
  { ignores: ["**/channels/**", "**/dist/**"] },
  { files: ["**/*.{js,ts,tsx,vue,svelte}"], extends: [js.configs.recommended, tseslint.configs.recommended] },
  // The compiler knows what is defined.
  { rules: { "no-undef": "off" } },
  { files: ["**/*.{ts,tsx}"], extends: [hooks.configs.flat.recommended] },
  { files: ["**/*.vue"], extends: [vue.configs["flat/recommended"]], languageOptions: { parserOptions: { parser } } },
  { files: ["**/*.vue"], rules: { "vue/max-attributes-per-line": "off", "vue/singleline-html-element-content-newline": "off" } },
  { files: ["**/*.svelte"], extends: [svelte.configs.recommended], languageOptions: { parserOptions: { parser } } },
);
