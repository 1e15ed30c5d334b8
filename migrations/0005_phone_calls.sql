ALTER TABLE "calls" ADD COLUMN "dial" json;--> statement-breakpoint
ALTER TABLE "calls" ADD COLUMN "idempotency_key" text;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "storage" text DEFAULT 'disk' NOT NULL;--> statement-breakpoint
ALTER TABLE "recordings" ADD COLUMN "format" text DEFAULT 'wav' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "phone" json;--> statement-breakpoint
CREATE UNIQUE INDEX "calls_by_idempotency_key" ON "calls" USING btree ("idempotency_key");