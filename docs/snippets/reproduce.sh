jointspace reproduce align --roles
jointspace reproduce align --scale tiny --seeds 11 --out align-tiny.json
