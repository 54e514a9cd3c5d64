"""The same definitions for front ends: one TypeScript module a channel, for the npm package `inngest`."""
