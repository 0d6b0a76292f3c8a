export * from "../dist/webtransport.js";
