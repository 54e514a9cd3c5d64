module.exports = { transform: { "^.+\\.tsx?$": "@swc/jest" }, watchman: false };
