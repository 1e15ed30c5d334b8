-- Tells every server of changes of sessions, so that what one has in memory stays right (src/sessions/session-cache.ts).
CREATE FUNCTION "charla_session_changed"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('charla_sessions', OLD.id);
  RETURN NULL;
END;
$$;
--> statement-breakpoint
CREATE TRIGGER "sessions_changed" AFTER UPDATE ON "sessions" FOR EACH ROW
  WHEN (OLD.revision <> NEW.revision OR OLD.status <> NEW.status)
  EXECUTE FUNCTION "charla_session_changed"();
--> statement-breakpoint
CREATE TRIGGER "sessions_deleted" AFTER DELETE ON "sessions" FOR EACH ROW
  EXECUTE FUNCTION "charla_session_changed"();
