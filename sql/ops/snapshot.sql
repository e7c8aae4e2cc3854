-- the last statement of the schema: what stands here now is what verify_install() expects
select syncwell._note_installed() as objects;
