DROP INDEX "webhook_outbox_by_time";--> statement-breakpoint
ALTER TABLE "webhook_outbox" ADD COLUMN "url" text NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_outbox" ADD COLUMN "given_up_at" timestamptz(3);--> statement-breakpoint
ALTER TABLE "webhook_outbox" DROP CONSTRAINT "webhook_outbox_pkey";--> statement-breakpoint
ALTER TABLE "webhook_outbox" ADD CONSTRAINT "webhook_outbox_id_url_pk" PRIMARY KEY("id","url");--> statement-breakpoint
CREATE INDEX "webhook_outbox_by_session" ON "webhook_outbox" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "webhook_outbox_due" ON "webhook_outbox" USING btree ("url","next_attempt_at") WHERE "webhook_outbox"."given_up_at" is null;
