#!/usr/bin/env node
// A file that is there before the first build: package managers link it when they install a checkout.
require("../dist/doctor/cli.js");
