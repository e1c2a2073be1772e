jointspace systems --status planned | head -6
