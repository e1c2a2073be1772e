jointspace demo
