import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ChatGateway } from "./chat.gateway.js";
import { PortageAdapter } from "./portage.adapter.js";
import { RoomsService } from "./rooms.service.js";

@Module({ providers: [ChatGateway, RoomsService] })
// oxlint-disable-next-line typescript/no-extraneous-class -- its decorator says everything
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
app.useWebSocketAdapter(new PortageAdapter(app));
app.enableShutdownHooks();
await app.listen(Number(process.env["PORT"] ?? 3000), "localhost");
console.log(`Nest: http://localhost:${(app.getHttpServer().address() as { port: number }).port}`);
