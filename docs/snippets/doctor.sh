jointspace doctor
