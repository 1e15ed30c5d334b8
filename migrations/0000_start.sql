CREATE TABLE "calls" (
	"id" text PRIMARY KEY NOT NULL,
	"session_id" text NOT NULL,
	"started_at" timestamptz(3) NOT NULL,
	"ended_at" timestamptz(3),
	"outcome" text,
	"last_event" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "data_tool_versions" (
	"session_id" text NOT NULL,
	"revision" integer NOT NULL,
	"data_tools" json NOT NULL,
	"replaced_at" timestamptz(3) NOT NULL,
	CONSTRAINT "data_tool_versions_session_id_revision_pk" PRIMARY KEY("session_id","revision")
);
--> statement-breakpoint
CREATE TABLE "profiles" (
	"name" text PRIMARY KEY NOT NULL,
	"settings" json NOT NULL,
	"revision" integer NOT NULL,
	"updated_at" timestamptz(3) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "recordings" (
	"id" text PRIMARY KEY NOT NULL,
	"call_id" text NOT NULL,
	"file" text NOT NULL,
	"bytes" bigint NOT NULL,
	"duration_ms" bigint NOT NULL,
	"created_at" timestamptz(3) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"room" text NOT NULL,
	"profile" text NOT NULL,
	"channel" text NOT NULL,
	"language" text NOT NULL,
	"status" text NOT NULL,
	"data_tools" json NOT NULL,
	"revision" integer NOT NULL,
	"created_at" timestamptz(3) NOT NULL,
	"last_active_at" timestamptz(3) NOT NULL,
	"expires_at" timestamptz(3) NOT NULL,
	"ended_at" timestamptz(3)
);
--> statement-breakpoint
CREATE TABLE "turns" (
	"call_id" text NOT NULL,
	"number" integer NOT NULL,
	"role" text NOT NULL,
	"text" text NOT NULL,
	"at" timestamptz(3) NOT NULL,
	"interrupted" boolean NOT NULL,
	"interrupted_at_ms" integer,
	"latencies" json NOT NULL,
	"tools" json NOT NULL,
	CONSTRAINT "turns_call_id_number_pk" PRIMARY KEY("call_id","number")
);
--> statement-breakpoint
CREATE TABLE "usage" (
	"call_id" text NOT NULL,
	"kind" text NOT NULL,
	"model" text NOT NULL,
	"requests" integer NOT NULL,
	"input_tokens" integer NOT NULL,
	"output_tokens" integer NOT NULL,
	"characters" integer NOT NULL,
	"audio_ms" bigint NOT NULL,
	CONSTRAINT "usage_call_id_kind_model_pk" PRIMARY KEY("call_id","kind","model")
);
--> statement-breakpoint
CREATE TABLE "webhook_outbox" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"session_id" text NOT NULL,
	"payload" json NOT NULL,
	"created_at" timestamptz(3) NOT NULL,
	"attempts" integer NOT NULL,
	"next_attempt_at" timestamptz(3) NOT NULL,
	"last_error" text
);
--> statement-breakpoint
ALTER TABLE "calls" ADD CONSTRAINT "calls_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_tool_versions" ADD CONSTRAINT "data_tool_versions_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recordings" ADD CONSTRAINT "recordings_call_id_calls_id_fk" FOREIGN KEY ("call_id") REFERENCES "public"."calls"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "turns" ADD CONSTRAINT "turns_call_id_calls_id_fk" FOREIGN KEY ("call_id") REFERENCES "public"."calls"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage" ADD CONSTRAINT "usage_call_id_calls_id_fk" FOREIGN KEY ("call_id") REFERENCES "public"."calls"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_outbox" ADD CONSTRAINT "webhook_outbox_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "calls_by_session" ON "calls" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "calls_by_age" ON "calls" USING btree ("started_at","id");--> statement-breakpoint
CREATE INDEX "recordings_by_call" ON "recordings" USING btree ("call_id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_open_room" ON "sessions" USING btree ("room") WHERE "sessions"."status" in ('created', 'active');--> statement-breakpoint
CREATE INDEX "sessions_by_age" ON "sessions" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "sessions_by_user" ON "sessions" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "sessions_by_status" ON "sessions" USING btree ("status","last_active_at");--> statement-breakpoint
CREATE INDEX "webhook_outbox_by_time" ON "webhook_outbox" USING btree ("next_attempt_at");